"""The measure, its transforms and risks, which all else is written against."""

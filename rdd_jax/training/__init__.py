"""Every way in which a network is trained."""

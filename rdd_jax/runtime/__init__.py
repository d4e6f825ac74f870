"""What a program needs besides arrays: devices, files, logs, memory."""

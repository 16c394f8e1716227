"""Front-ends: doors through which an operating system reaches an open vault."""

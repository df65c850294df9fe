"""The architectures that code is made for, as values: what each can do, how much it has, how fast it is."""

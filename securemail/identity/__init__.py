"""Who somebody is: accounts, sessions, signing up and logging in, and the limits that protect secrets."""

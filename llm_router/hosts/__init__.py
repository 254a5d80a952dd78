"""What puts the router inside other programs: how its hooks are started, where they write, what each host reads."""

"""One file per wire format; `wire.Wire` is what each of them is."""

"""What must hold between the values of a stack file. `loading.load` is the only way from a file to a `Platform`."""

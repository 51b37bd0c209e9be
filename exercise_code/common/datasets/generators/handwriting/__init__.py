"""Drawn digits, in the form of MNIST."""

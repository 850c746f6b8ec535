"""Third-party TorchScript files of the nn~ contract, each in a worker process of its own."""

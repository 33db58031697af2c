"""What runs on a rank: simulators and transformers, all driven by the same loop."""

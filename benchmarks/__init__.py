"""What coupling, borders and engines cost, each measured beside what it is compared with."""

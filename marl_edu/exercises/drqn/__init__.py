"""Exercises of the chapter about DQN and DRQN: a file each."""

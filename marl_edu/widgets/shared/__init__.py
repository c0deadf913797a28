"""What live figures share: the class, the kit, and what joins their scripts."""

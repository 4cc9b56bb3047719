"""What the test tiers share."""

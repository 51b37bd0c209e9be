"""Exercise 9: keypoints of a face."""

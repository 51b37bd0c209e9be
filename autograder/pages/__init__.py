"""HTML: feedback, leaderboard, the instructor's report."""

"""Pages and files that leave a graded class: feedback, leaderboard, the instructor's report, exports."""

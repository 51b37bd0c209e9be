"""Made-up film reviews, in the form of IMDb."""

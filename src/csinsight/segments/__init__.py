"""Buyer types and value tiers: who the buyers are, how sure we are, and what they are worth."""

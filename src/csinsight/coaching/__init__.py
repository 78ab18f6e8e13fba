"""What each agent could do next, why, and in which words; and playbooks by buyer."""

"""What the pipelines of GitHub and GitLab run, each by a target of the Makefile; the same on a person's machine."""

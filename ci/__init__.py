"""The programs of the pipelines on GitHub and GitLab: each has a make target, which also works on your machine."""

"""Attacks that need no relay under load: on what isolane is made of (SC) and on the box that it runs on (PH).

Flow: `court` does a case's steps and judges it; `installs` and `materials` are about packages, `box_steps` about the
box that the service units make, `updates` about a box that goes from one version to another. A step, an expectation or
an observable that nobody has measured is an error.
"""

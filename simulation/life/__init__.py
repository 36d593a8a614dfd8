"""Ordinary life: what controllers, nodes, add-ons, robots and people do all day. One file for each kind of actor."""

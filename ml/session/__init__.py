"""Session model: a GRU over the latest views with attention, as in GRU4Rec and NARM, on the unit sphere as in NISER."""

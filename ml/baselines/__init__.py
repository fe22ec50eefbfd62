"""Strong simple rivals, which serving falls back to as well: popularity, ItemKNN, EASE, iALS, V-SKNN and VSTAN."""

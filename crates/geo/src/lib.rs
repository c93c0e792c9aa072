//! From an address to country, region and network, out of the operator's database files.

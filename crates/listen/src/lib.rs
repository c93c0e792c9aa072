//! What stands between an accepted connection and HTTP: the PROXY protocol and TLS.

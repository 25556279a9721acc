//! What travels on the wire between a client and Palco: messages, ids, error codes.

//! Palco: composition of the media plane, signalling and the web client.

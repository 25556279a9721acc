//! Makes sure the web client's folder exists, and builds again when its content changes.

use std::{fs, io};

fn main() -> io::Result<()> {
    fs::create_dir_all("web-demo/dist")?;
    println!("cargo:rerun-if-changed=web-demo/dist");
    Ok(())
}

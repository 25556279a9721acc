//! Pictures that people upload: read strictly, never shown as they came, always drawn anew.
//!
//! What is served is a square JPEG of our own making: no metadata (a photograph says where it was taken), no scripts,
//! no second format hidden behind the first.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder,
};

/// The side of a picture, in pixels: twice the largest size at which it is shown.
pub(crate) const AVATAR_SIDE_PX: u32 = 256;
const QUALITY: u8 = 85;
/// A picture may claim to be larger than its bytes (a decompression bomb).
const SIDE_MAX_PX: u32 = 8_192;
const DECODED_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The middle square of a PNG, JPEG or WebP picture, as a JPEG.
///
/// # Errors
/// What is wrong with the upload, for people.
pub(crate) fn avatar(upload: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut reader = ImageReader::new(Cursor::new(upload))
        .with_guessed_format()
        .map_err(|_| "the picture cannot be read")?;
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP];
    if !reader.format().is_some_and(|format| known.contains(&format)) {
        return Err("the picture is no PNG, JPEG or WebP");
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX_PX);
    limits.max_image_height = Some(SIDE_MAX_PX);
    limits.max_alloc = Some(DECODED_MAX_BYTES);
    reader.limits(limits);
    let broken = "the picture is broken or too large";
    let mut decoder = reader.into_decoder().map_err(|_| broken)?;
    // A telephone held upright says so in the metadata.
    let orientation = decoder.orientation().map_err(|_| broken)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| broken)?;
    picture.apply_orientation(orientation);
    let filter = image::imageops::FilterType::Triangle;
    let square = picture.resize_to_fill(AVATAR_SIDE_PX, AVATAR_SIDE_PX, filter);
    let mut drawn = Vec::new();
    JpegEncoder::new_with_quality(&mut drawn, QUALITY)
        .encode_image(&flat(&square))
        .map_err(|_| broken)?;
    Ok(drawn)
}

/// On white: a JPEG has no transparency.
fn flat(picture: &DynamicImage) -> DynamicImage {
    let mut rgb = image::RgbImage::new(picture.width(), picture.height());
    for (to, from) in rgb.pixels_mut().zip(picture.to_rgba8().pixels()) {
        let [red, green, blue, alpha] = from.0.map(u16::from);
        let over_white = |colour: u16| {
            let mixed = (colour * alpha + 255 * (255 - alpha)) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        to.0 = [over_white(red), over_white(green), over_white(blue)];
    }
    rgb.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, colour: [u8; 4]) -> Vec<u8> {
        let picture = image::RgbaImage::from_pixel(width, height, image::Rgba(colour));
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn a_picture_becomes_a_small_square_on_white() {
        let drawn = avatar(&png(600, 300, [255, 0, 0, 0])).unwrap();
        let read = image::load_from_memory_with_format(&drawn, ImageFormat::Jpeg).unwrap();
        assert_eq!((read.width(), read.height()), (AVATAR_SIDE_PX, AVATAR_SIDE_PX));
        assert_eq!(read.to_rgb8().get_pixel(9, 9).0, [255, 255, 255]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(avatar(b"").is_err());
        assert!(avatar(b"<svg xmlns='http://www.w3.org/2000/svg'/>").is_err());
        let whole = png(64, 64, [1, 2, 3, 255]);
        assert!(avatar(&whole[..whole.len() / 2]).is_err(), "cut short");
        // The header claims 60,000 by 60,000 pixels (PNG, section 11.2.2: IHDR begins at byte 8).
        let mut bomb = whole;
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        assert!(avatar(&bomb).is_err());
    }
}

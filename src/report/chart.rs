//! The figures as a picture: a bar for each day, what went well below what went wrong. Drawn in
//! the process, in letters that are compiled in; the same figures always make the same bytes.

use embedded_graphics::Drawable;
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_9X15_BOLD, FONT_10X20};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{Dimensions, DrawTarget, OriginDimensions, Pixel, Point, Size};
use embedded_graphics::primitives::{Primitive, PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Alignment, Text};

use crate::domain::card::Picture;
use crate::domain::figures::{Day, Figures};

use super::{figures, words};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 320;
/// Where the bars stand.
const LEFT: i32 = 40;
const RIGHT: i32 = 700;
const TOP: i32 = 110;
const BOTTOM: i32 = 290;
/// More bars than these are drawn without a gap between them.
const MOST_WITH_GAP: usize = 60;
/// At least so many pixels lie between two dates below the bars.
const BETWEEN_DATES: i32 = 60;

const PAPER: Rgb888 = Rgb888::new(0x2b, 0x2d, 0x31);
const INK: Rgb888 = Rgb888::new(0xdb, 0xde, 0xe1);
const FAINT: Rgb888 = Rgb888::new(0x4e, 0x50, 0x58);
const GOOD: Rgb888 = Rgb888::new(0x2e, 0xcc, 0x71);
const BAD: Rgb888 = Rgb888::new(0xe7, 0x4c, 0x3c);

/// The picture with the same in words beside it; `None` where it cannot be drawn.
pub fn picture(figures: &Figures) -> Option<Picture> {
    let mut canvas = Canvas::new();
    draw(figures, &mut canvas).ok()?;
    let text = figures::sentences(figures).join(". ");
    Some(Picture::png("figures", canvas.png()?, format!("{text}.")))
}

fn draw(figures: &Figures, canvas: &mut Canvas) -> Result<(), std::convert::Infallible> {
    canvas.clear(PAPER)?;
    let none = || "-".to_owned();
    let heads = [
        ("deployments", figures.deployments.to_string()),
        ("lead time", figures.lead_time.map_or_else(none, words::duration)),
        ("went wrong", figures.failure_percent().map_or_else(none, |share| format!("{share} %"))),
        ("to restore", figures.restore_time.map_or_else(none, words::duration)),
    ];
    for ((head, value), at) in heads.into_iter().zip([110, 280, 450, 620]) {
        centred(canvas, &value, Point::new(at, 40), MonoTextStyle::new(&FONT_10X20, INK))?;
        centred(canvas, head, Point::new(at, 62), MonoTextStyle::new(&FONT_9X15_BOLD, FAINT))?;
    }
    let most = figures.days.iter().map(|day| day.good + day.bad).max().unwrap_or_default().max(1);
    scale(most, canvas)?;
    bars(&figures.days, most, canvas)
}

/// The line that bars stand on, and the one that the highest reaches.
fn scale(most: u32, canvas: &mut Canvas) -> Result<(), std::convert::Infallible> {
    let style = MonoTextStyle::new(&FONT_6X10, INK);
    for (count, y) in [(0, BOTTOM), (most, TOP)] {
        rectangle(canvas, FAINT, (LEFT, y), (RIGHT, y + 1))?;
        let at = Point::new(LEFT - 8, y + 4);
        Text::with_alignment(&count.to_string(), at, style, Alignment::Right).draw(canvas)?;
    }
    Ok(())
}

fn bars(days: &[Day], most: u32, canvas: &mut Canvas) -> Result<(), std::convert::Infallible> {
    let style = MonoTextStyle::new(&FONT_6X10, INK);
    let count = i32::try_from(days.len()).unwrap_or(i32::MAX).max(1);
    let edge = |index: i32| LEFT + (RIGHT - LEFT) * index / count;
    let gap = if days.len() > MOST_WITH_GAP { 0 } else { 2 };
    let height = |part: u32| {
        let height = i64::from(BOTTOM - TOP) * i64::from(part) / i64::from(most);
        i32::try_from(height).unwrap_or_default()
    };
    let mut dated = i32::MIN / 2;
    for (index, day) in (0..).zip(days) {
        let (left, right) = (edge(index) + gap, (edge(index + 1) - gap).max(edge(index) + gap + 1));
        let good = BOTTOM - height(day.good);
        let top = BOTTOM - height(day.good + day.bad);
        rectangle(canvas, GOOD, (left, good), (right, BOTTOM))?;
        rectangle(canvas, BAD, (left, top), (right, good))?;
        let middle = i32::midpoint(left, right);
        if middle - dated >= BETWEEN_DATES {
            dated = middle;
            let date = day.date.strftime("%-d %b").to_string();
            centred(canvas, &date, Point::new(middle, BOTTOM + 16), style)?;
        }
    }
    Ok(())
}

fn centred(
    canvas: &mut Canvas,
    text: &str,
    at: Point,
    style: MonoTextStyle<'_, Rgb888>,
) -> Result<(), std::convert::Infallible> {
    Text::with_alignment(text, at, style, Alignment::Center).draw(canvas).map(|_| ())
}

fn rectangle(
    canvas: &mut Canvas,
    colour: Rgb888,
    (left, top): (i32, i32),
    (right, bottom): (i32, i32),
) -> Result<(), std::convert::Infallible> {
    let size = Size::new((right - left).unsigned_abs(), (bottom - top).unsigned_abs());
    let style = PrimitiveStyle::with_fill(colour);
    Rectangle::new(Point::new(left, top), size).into_styled(style).draw(canvas)
}

/// Three bytes for each pixel, line by line.
struct Canvas(Vec<u8>);

impl Canvas {
    fn new() -> Self {
        Self(vec![0; (WIDTH * HEIGHT * 3) as usize])
    }

    fn png(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, WIDTH, HEIGHT);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.0).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(WIDTH, HEIGHT)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = std::convert::Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Self::Error>
    where
        I: IntoIterator<Item = Pixel<Self::Color>>,
    {
        let area = self.bounding_box();
        for Pixel(at, colour) in pixels {
            if !area.contains(at) {
                continue;
            }
            let place = (at.y * WIDTH.cast_signed() + at.x) * 3;
            let place = usize::try_from(place).unwrap_or_default();
            if let Some(pixel) = self.0.get_mut(place..place + 3) {
                pixel.copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::figures::{Period, figures};

    fn empty(days: u64) -> Figures {
        let length = std::time::Duration::from_secs(days * 86_400);
        let period = Period::last(length, Timestamp::UNIX_EPOCH);
        figures(&[], &|_| true, period, &TimeZone::UTC)
    }

    /// The picture's pixels of one colour.
    fn count(figures: &Figures, colour: Rgb888) -> usize {
        let mut canvas = Canvas::new();
        draw(figures, &mut canvas).expect("it draws");
        let wanted = [colour.r(), colour.g(), colour.b()];
        canvas.0.chunks(3).filter(|pixel| **pixel == wanted).count()
    }

    #[test]
    fn bars_are_as_high_as_what_they_count() {
        let mut week = empty(7);
        assert_eq!((count(&week, GOOD), count(&week, BAD)), (0, 0));
        let [first, second, ..] = week.days.as_mut_slice() else { panic!("seven days") };
        (first.good, second.bad) = (4, 2);
        let (good, bad) = (count(&week, GOOD), count(&week, BAD));
        assert!(good > 0 && bad > 0);
        // Bars are a pixel wider or narrower than each other, where days do not divide the room.
        assert!(good.abs_diff(bad * 2) * 20 < good, "{good} and {bad}");
    }

    #[test]
    fn it_is_a_picture_whatever_the_period() {
        for days in [1, 7, 31, 366, 4000] {
            let picture = picture(&empty(days)).expect("a picture");
            assert!(picture.bytes.0.starts_with(b"\x89PNG\r\n"), "{days}");
            assert!(picture.bytes.0.len() < 100_000, "{days}");
            assert!(picture.text.starts_with("No deployments in"), "{}", picture.text);
        }
    }
}

//! The way so far, drawn by ourselves: no map, no third party, a few hundred
//! bytes. Colours stand in the style sheet, since the page's policy allows no
//! style in the markup.

use mayday_core::tracking::{TrackingView, thinned};

use super::ages;
use super::html::{Html, Value};

/// The drawing, in its own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 200.0;
/// Room at the edges: below for the scale, on the right for the north.
const LEFT: f64 = 20.0;
const RIGHT: f64 = 36.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 46.0;
/// Points drawn at most; what lies between them is left out evenly.
const MAX_POINTS: usize = 120;
/// A trail never fills the drawing with less than this: somebody who lies still
/// must not look as if they wandered about.
const LEAST_METRES: f64 = 80.0;
/// Metres of a degree of latitude.
const METRES_PER_DEGREE: f64 = 111_320.0;
/// Lengths that the scale may show, in metres.
const SCALES: [f64; 14] = [
    10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5,
];

/// Metres east and north of the latest point.
type Offset = (f64, f64);

/// Where points come to lie.
struct Frame {
    centre: Offset,
    /// Units of the drawing per metre.
    scale: f64,
}

/// Draws the trail of a view that has a position; nothing without one.
pub(super) fn draw(html: &mut Html, view: &TrackingView) {
    let Some(position) = view.position else {
        return;
    };
    let here = (position.latitude, position.longitude);
    let points: Vec<Offset> = thinned(&view.trail, MAX_POINTS)
        .map(|point| offset(here, (point.latitude, point.longitude)))
        .collect();
    let frame = Frame::around(&points);
    let words = html.words;
    html.raw("<svg class=\"trail\" viewBox=\"0 0 320 200\" role=\"img\" aria-labelledby=\"trail-title\"><title id=\"trail-title\">");
    let count = u64::try_from(view.trail.len().max(1)).unwrap_or(u64::MAX);
    html.phrase(words.place.drawing, &[("points", Value::Number(count))]);
    html.raw("</title><path class=\"grid\" d=\"M0 50H320M0 100H320M0 150H320M80 0V200M160 0V200M240 0V200\"/>");
    if let Some(accuracy) = position.accuracy_meters {
        let radius = (accuracy * frame.scale).clamp(0.0, WIDTH);
        circle(
            html,
            "<circle class=\"accuracy\"",
            frame.place((0.0, 0.0)),
            radius,
        );
    }
    if points.len() > 1 {
        html.raw("<polyline class=\"way\" points=\"");
        for point in &points {
            let (x, y) = frame.place(*point);
            html.text(format_args!("{x:.1},{y:.1} "));
        }
        html.raw("\"/>");
    }
    if let Some(first) = points.first().filter(|_| points.len() > 1) {
        let (x, y) = frame.place(*first);
        circle(html, "<circle class=\"start\"", (x, y), 5.0);
        label(html, (x, (y - 9.0).max(12.0)), words.place.start);
    }
    circle(html, "<circle class=\"here\"", frame.place((0.0, 0.0)), 8.0);
    scale_bar(html, frame.scale);
    html.raw("<path class=\"north\" d=\"M304 12l5 14-5-4-5 4z\"/>");
    label(html, (304.0, 38.0), words.place.north);
    html.raw("</svg>");
}

fn circle(html: &mut Html, open: &'static str, (x, y): Offset, radius: f64) {
    html.raw(open);
    html.text(format_args!(" cx="))
        .raw("\"")
        .text(format_args!("{x:.1}"));
    html.raw("\" cy=\"").text(format_args!("{y:.1}"));
    html.raw("\" r=\"")
        .text(format_args!("{radius:.1}"))
        .raw("\"/>");
}

/// Centred, but inside the drawing.
fn label(html: &mut Html, (x, y): Offset, text: &'static str) {
    let x = x.clamp(24.0, WIDTH - 14.0);
    html.raw("<text x=\"").text(format_args!("{x:.0}"));
    html.raw("\" y=\"").text(format_args!("{y:.0}"));
    html.element("\" text-anchor=\"middle\">", text, "</text>");
}

/// The longest round length that takes up to a third of the width.
fn scale_bar(html: &mut Html, scale: f64) {
    let fits = |metres: &&f64| **metres * scale <= WIDTH / 3.0;
    let metres = SCALES.iter().rev().find(fits).copied().unwrap_or(10.0);
    let length = metres * scale;
    html.raw("<path class=\"scale\" d=\"M12 184v6h")
        .text(format_args!("{length:.1}"));
    html.raw("v-6\"/><text x=\"14\" y=\"180\">");
    let shown = ages::distance(html.words, metres)
        .replace(".0 ", " ")
        .replace(",0 ", " ");
    html.text(shown).raw("</text>");
}

impl Frame {
    /// Holds all points and the latest one, which is at (0, 0).
    fn around(points: &[Offset]) -> Self {
        let (mut low, mut high) = ((0.0_f64, 0.0_f64), (0.0_f64, 0.0_f64));
        for (east, north) in points {
            low = (low.0.min(*east), low.1.min(*north));
            high = (high.0.max(*east), high.1.max(*north));
        }
        let span = (
            (high.0 - low.0).max(LEAST_METRES),
            (high.1 - low.1).max(LEAST_METRES),
        );
        let fit = ((WIDTH - LEFT - RIGHT) / span.0).min((HEIGHT - TOP - BOTTOM) / span.1);
        Self {
            centre: (low.0.midpoint(high.0), low.1.midpoint(high.1)),
            scale: fit,
        }
    }

    fn place(&self, (east, north): Offset) -> Offset {
        (
            (east - self.centre.0).mul_add(self.scale, (WIDTH + LEFT - RIGHT) / 2.0),
            (self.centre.1 - north).mul_add(self.scale, (HEIGHT + TOP - BOTTOM) / 2.0),
        )
    }
}

/// On a plane around `from`, which is right enough as far as somebody walks. Over
/// the date line the shorter way counts.
fn offset(from: (f64, f64), to: (f64, f64)) -> Offset {
    let mut east = to.1 - from.1;
    if east > 180.0 {
        east -= 360.0;
    } else if east < -180.0 {
        east += 360.0;
    }
    let narrowing = from.0.to_radians().cos();
    (
        east * METRES_PER_DEGREE * narrowing,
        (to.0 - from.0) * METRES_PER_DEGREE,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_lies_inside_the_drawing() {
        let here = (41.0, 2.0);
        for trail in [
            vec![(41.0, 2.0)],
            vec![(41.3, 2.9), (40.2, 1.0), (41.0, 2.0)],
            vec![(89.9, 2.0), (-89.9, -170.0)],
        ] {
            let points: Vec<_> = trail.iter().map(|p| offset(here, *p)).collect();
            let frame = Frame::around(&points);
            for place in points.iter().map(|p| frame.place(*p)) {
                assert!(
                    (LEFT - 0.1..=WIDTH - RIGHT + 0.1).contains(&place.0),
                    "{place:?}"
                );
                assert!(
                    (TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(&place.1),
                    "{place:?}"
                );
            }
        }
    }

    #[test]
    fn the_date_line_is_no_way_around_the_world() {
        let (east, _) = offset((0.0, 179.999), (0.0, -179.999));
        assert!((east - 222.64).abs() < 1.0, "{east}");
    }
}

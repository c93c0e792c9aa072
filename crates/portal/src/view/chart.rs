//! The chart: numbers as JSON for the script, a picture and a table for those who run none.
//!
//! All coordinates are whole: the picture is stretched to its place, so a unit is below a pixel.

use crate::view::number::count;

const WIDTH: i64 = 2_400;
const HEIGHT: i64 = 1_000;
/// Lines behind the curve.
const GRID: [i64; 4] = [0, 333, 667, 1_000];
/// Bars reach at most this high, so that they do not hide the curve.
const BAR_HEIGHT_MAX: i64 = 400;

/// One hour or day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    /// Its start, seconds since 1970.
    pub(crate) at: i64,
    pub(crate) label: String,
    pub(crate) unique: i64,
    pub(crate) invalid: i64,
    pub(crate) conversions: i64,
    pub(crate) unique_text: String,
    pub(crate) invalid_text: String,
    pub(crate) conversions_text: String,
}

impl Point {
    pub(crate) fn new(at: i64, label: String, unique: i64, invalid: i64, conversions: i64) -> Self {
        let [unique_text, invalid_text, conversions_text] = [unique, invalid, conversions].map(count);
        Self { at, label, unique, invalid, conversions, unique_text, invalid_text, conversions_text }
    }
}

/// Everything the template needs.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// `day` or `fortnight`.
    pub(crate) span: &'static str,
    pub(crate) all: &'static str,
    pub(crate) unique_sum: String,
    pub(crate) invalid_sum: String,
    pub(crate) conversions_sum: String,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) peak: String,
    pub(crate) picture: Picture,
    pub(crate) points: Vec<Point>,
    /// Numbers for the script; holds no `<`.
    pub(crate) json: String,
}

/// The picture without script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) grid: [i64; 4],
    pub(crate) area: String,
    pub(crate) line: String,
    pub(crate) bars: Vec<Bar>,
}

/// A bar of conversions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

impl Chart {
    pub(crate) fn new(
        title: &'static str,
        span: &'static str,
        all: &'static str,
        zone: &str,
        points: Vec<Point>,
    ) -> Self {
        let sum = |of: fn(&Point) -> i64| count(points.iter().map(of).fold(0, i64::saturating_add));
        let column = |of: fn(&Point) -> i64| points.iter().map(of).collect::<Vec<_>>();
        let json = serde_json::json!({
            "span": span,
            "zone": zone,
            "at": column(|point| point.at),
            "unique": column(|point| point.unique),
            "invalid": column(|point| point.invalid),
            "conversions": column(|point| point.conversions),
        });
        Self {
            title,
            span,
            all,
            unique_sum: sum(|point| point.unique),
            invalid_sum: sum(|point| point.invalid),
            conversions_sum: sum(|point| point.conversions),
            first: points.first().map_or_else(String::new, |point| point.label.clone()),
            last: points.last().map_or_else(String::new, |point| point.label.clone()),
            peak: count(points.iter().map(|point| point.unique).max().unwrap_or(0)),
            picture: Picture::new(&points),
            // Nothing of it can end the script element it stands in.
            json: json.to_string().replace('<', "\\u003c"),
            points,
        }
    }
}

impl Picture {
    fn new(points: &[Point]) -> Self {
        let places = i64::try_from(points.len()).unwrap_or(i64::MAX).max(1);
        let step = WIDTH / places;
        let highest = points.iter().map(|point| point.unique).max().unwrap_or(0).max(1);
        let most = points.iter().map(|point| point.conversions).max().unwrap_or(0).max(1);
        let mut line = String::new();
        let mut bars = Vec::new();
        let mut x = step / 2;
        for point in points {
            let command = if line.is_empty() { 'M' } else { 'L' };
            let y = HEIGHT - scaled(point.unique, highest, HEIGHT * 9 / 10);
            line.push_str(&format!("{command}{x} {y}"));
            let height = scaled(point.conversions, most, BAR_HEIGHT_MAX);
            if height > 0 {
                bars.push(Bar { x: x - step / 6, y: HEIGHT - height, width: step / 3, height });
            }
            x += step;
        }
        let area = if line.is_empty() {
            String::new()
        } else {
            format!("{line}L{} {HEIGHT}L{} {HEIGHT}Z", x - step, step / 2)
        };
        Self { width: WIDTH, height: HEIGHT, grid: GRID, area, line, bars }
    }
}

fn scaled(value: i64, highest: i64, length: i64) -> i64 {
    let exact = i128::from(value.max(0)) * i128::from(length) / i128::from(highest.max(1));
    i64::try_from(exact).unwrap_or(length).min(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[(i64, i64)]) -> Chart {
        let points = values.iter().zip(0..).map(|((unique, conversions), at)| {
            Point::new(at * 3_600, format!("{at}:00"), *unique, 0, *conversions)
        });
        Chart::new("Last 24 hours", "day", "in 24 hours", "UTC", points.collect())
    }

    #[test]
    fn the_highest_value_reaches_nine_tenths_and_zero_lies_on_the_ground() {
        let chart = chart(&[(0, 0), (50, 2), (100, 0)]);
        assert_eq!(chart.picture.line, "M400 1000L1200 550L2000 100");
        assert_eq!(chart.picture.bars, [Bar { x: 1_067, y: 600, width: 266, height: 400 }]);
        assert_eq!((chart.unique_sum.as_str(), chart.peak.as_str()), ("150", "100"));
    }

    #[test]
    fn an_empty_chart_and_one_of_the_largest_numbers_are_drawn() {
        assert_eq!(chart(&[]).picture.line, "");
        assert_eq!(chart(&[(i64::MAX, i64::MAX), (-1, 0)]).picture.line, "M600 100L1800 1000");
    }

    #[test]
    fn the_numbers_cannot_leave_their_script_element() {
        let chart = Chart::new("t", "day", "all", "</script><b>", Vec::new());
        assert!(!chart.json.contains('<'), "{}", chart.json);
        let json: serde_json::Value = serde_json::from_str(&chart.json).unwrap();
        assert_eq!(json["zone"], "</script><b>");
    }
}

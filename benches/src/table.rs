//! One table of figures, each beside its floor and its budget. Says whether a budget is kept; fails nobody.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// A figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    what: String,
    measured: f64,
    unit: Cow<'static, str>,
    floor: Option<f64>,
    /// What it may be at most: in its own unit, or as a multiple of its floor.
    budget: Option<Budget>,
}

/// What a figure may be at most.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum Budget {
    /// In the figure's unit.
    AtMost(f64),
    /// Times its floor.
    TimesFloor(f64),
}

impl Row {
    /// A figure without comparison.
    #[must_use]
    pub fn new(what: impl Into<String>, measured: f64, unit: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), measured, unit: unit.into(), floor: None, budget: None }
    }

    /// Beside its floor, in the same unit.
    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self
    }

    /// With a budget.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.floor.filter(|floor| *floor > 0.0).map(|floor| self.measured / floor)
    }

    /// Whether the figure keeps its budget, if it has one.
    #[must_use]
    pub fn within(&self) -> Option<bool> {
        match self.budget? {
            Budget::AtMost(most) => Some(self.measured <= most),
            Budget::TimesFloor(most) => self.ratio().map(|ratio| ratio <= most),
        }
    }
}

/// Three significant digits, without an exponent.
#[must_use]
pub fn digits(value: f64) -> String {
    match value.abs() {
        size if size < 100_000.0 && size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

impl Row {
    /// What it is, and the five columns after it.
    fn cells(&self) -> [String; 5] {
        let measured = format!("{} {}", digits(self.measured), self.unit);
        let floor = self.floor.map(digits).unwrap_or_default();
        let ratio = self.ratio().map(|ratio| format!("{} ×", digits(ratio))).unwrap_or_default();
        let budget = match self.budget {
            None => String::new(),
            Some(Budget::AtMost(most)) => format!("≤ {}", digits(most)),
            Some(Budget::TimesFloor(most)) => format!("≤ {} ×", digits(most)),
        };
        let verdict = self.within().map_or("", |within| if within { "within" } else { "MISSED" });
        [measured.trim_end().to_owned(), floor, ratio, budget, verdict.to_owned()]
    }

    /// As a line of a Markdown table under `heading(true)`; what belongs to the row above is marked.
    #[must_use]
    pub fn markdown(&self) -> String {
        let what =
            self.what.strip_prefix("  ").map_or(self.what.clone(), |part| format!("· {part}"));
        format!("| {what} | {} |", self.cells().join(" | "))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [measured, floor, ratio, budget, verdict] = self.cells();
        let line = format!(
            "{:<64} {measured:>12} {floor:>9} {ratio:>8} {budget:>9}  {verdict}",
            self.what
        );
        f.write_str(line.trim_end())
    }
}

/// The heading over rows.
#[must_use]
pub fn heading(markdown: bool) -> String {
    if markdown {
        return "| | measured | floor | ratio | budget | |\n|---|---|---|---|---|---|".to_owned();
    }
    format!("{:<64} {:>12} {:>9} {:>8} {:>9}", "", "measured", "floor", "ratio", "budget")
}

/// Figures that grow with something: a line for each of its values.
#[derive(Clone, Debug, Serialize)]
pub struct Grid {
    title: &'static str,
    columns: &'static [&'static str],
    lines: Vec<Vec<f64>>,
}

impl Grid {
    /// Without lines.
    #[must_use]
    pub fn new(title: &'static str, columns: &'static [&'static str]) -> Self {
        Self { title, columns, lines: Vec::new() }
    }

    /// Its title and columns.
    #[must_use]
    pub fn heading(&self, markdown: bool) -> String {
        if markdown {
            let rule = "|---".repeat(self.columns.len());
            return format!("\n### {}\n\n| {} |\n{rule}|", self.title, self.columns.join(" | "));
        }
        let columns = self.columns.iter().map(|column| format!("{column:>13}"));
        format!("\n{}\n{}", self.title, columns.collect::<String>())
    }

    /// Adds a line of figures and gives it as text; what was not measured is not a number.
    pub fn line(&mut self, figures: &[f64], markdown: bool) -> String {
        self.lines.push(figures.to_vec());
        let text = figures.iter().map(|figure| match figure {
            figure if figure.is_nan() => "-".to_owned(),
            figure => digits(*figure),
        });
        if markdown {
            return format!("| {} |", text.collect::<Vec<_>>().join(" | "));
        }
        text.map(|text| format!("{text:>13}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_whether_it_keeps_its_budget() {
        let row = || Row::new("a packet", 2.5, "µs").floor(2.0);
        assert_eq!(row().within(), None);
        assert_eq!(row().budget(Budget::TimesFloor(1.25)).within(), Some(true));
        assert_eq!(row().budget(Budget::TimesFloor(1.2)).within(), Some(false));
        assert_eq!(row().budget(Budget::AtMost(2.4)).within(), Some(false));
        let line = row().budget(Budget::AtMost(2.4)).to_string();
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(fields, ["a", "packet", "2.50", "µs", "2", "1.25", "×", "≤", "2.40", "MISSED"]);
    }

    #[test]
    fn markdown_has_a_cell_for_each_column() {
        let row = Row::new("  loss", 0.0, "%").budget(Budget::AtMost(0.0));
        assert_eq!(row.markdown(), "| · loss | 0 % |  |  | ≤ 0 | within |");
        let mut grid = Grid::new("Growth", &["listeners", "µs"]);
        assert_eq!(grid.heading(true), "\n### Growth\n\n| listeners | µs |\n|---|---|");
        assert_eq!(grid.line(&[10.0, f64::NAN], true), "| 10 | - |");
    }

    #[test]
    fn three_digits() {
        let cases = [
            (0.0, "0"),
            (0.0421, "0.042"),
            (1.234, "1.23"),
            (9.999, "10.0"),
            (99.99, "100"),
            (12345.6, "12346"),
        ];
        for (value, text) in cases {
            assert_eq!(digits(value), text);
        }
    }
}

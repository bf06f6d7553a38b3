//! Cost against size, as SVG.

use std::path::Path;

use miette::{Result, miette};
use plotters::prelude::*;

use crate::report::Curves;

/// Draws the curves, one colour a contestant.
pub(crate) fn draw(curves: &Curves, file: &Path) -> Result<()> {
    draw_unexplained(curves, file).map_err(|error| miette!("{} can't be drawn: {error}", file.display()))
}

fn draw_unexplained(curves: &Curves, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let points = || curves.lines.iter().flat_map(|line| &line.points);
    let range = |of: fn(&(f64, f64)) -> f64| {
        points().map(of).fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((smallest, largest), (cheapest, dearest)) = (range(|point| point.0), range(|point| point.1));
    let area = SVGBackend::new(file, (760, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(curves.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (smallest * 0.9..largest * 1.1).log_scale(),
            (cheapest * 0.7..dearest * 30.0).log_scale(),
        )?;
    // Above the lines there is room for their names.
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_label_formatter(&f64::to_string)
        .y_label_formatter(&f64::to_string)
        .x_desc(curves.size)
        .y_desc("ms")
        .draw()?;
    for (index, line) in curves.lines.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)).point_size(3))?
            .label(line.name.replace('`', ""))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

//! Bars over time, as SVG within the page: they take its colours, light or dark, and the table below says the same in figures.

use maud::{Markup, html};

use crate::{
    audit::{Point, Series},
    report::words::{count, place},
};

/// What is shown of each point, the lowest bar first: its class, and what it is.
pub(super) type Part = (&'static str, &'static str, fn(&Point) -> u64);

/// A unit wide is a tenth of a point's place.
const WIDTH: usize = 10;
/// The height of the largest bar.
const HEIGHT: f64 = 100.0;
/// A bar that stands for anything is seen.
const LEAST: f64 = 1.5;

/// A chart of `series`.
pub(super) fn chart(title: &str, series: &Series, parts: &[Part]) -> Markup {
    let sum = |point: &Point| parts.iter().map(|(_, _, of)| of(point)).fold(0, u64::saturating_add);
    let all = series.points.iter().map(sum).fold(0, u64::saturating_add);
    let most = series.points.iter().max_by_key(|point| sum(point)).filter(|point| sum(point) > 0);
    let Some(most) = most else {
        return html! { figure { figcaption { b { (title) } " none" } } };
    };
    let (peak, when) = (sum(most), place(most.at, series.step));
    let says = format!("{title}: {} packets, most of them {when}: {}", count(all), count(peak));
    let width = series.points.len() * WIDTH;
    html! {
        figure {
            figcaption {
                b { (title) } " " (count(all)) " packets"
                @if parts.len() > 1 {
                    @for (class, name, of) in parts {
                        @let total = series.points.iter().map(of).fold(0, u64::saturating_add);
                        span.key { i class=(class) {} (name) " " (count(total)) }
                    }
                }
            }
            div.plot {
                span.peak { (count(peak)) }
                svg role="img" aria-label=(says) viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" {
                    @for (index, point) in series.points.iter().enumerate() {
                        (bar(index, point, series.step, peak, parts))
                    }
                }
            }
            div.axis {
                @for at in marks(series) { span { (at) } }
            }
        }
    }
}

fn bar(index: usize, point: &Point, step: u64, peak: u64, parts: &[Part]) -> Markup {
    let left = index * WIDTH;
    let mut top = HEIGHT;
    let mut bars = Vec::new();
    let mut says = place(point.at, step);
    for (class, name, of) in parts {
        let packets = of(point);
        if packets == 0 {
            continue;
        }
        let height = share(packets, peak).max(LEAST).min(top);
        top -= height;
        bars.push((*class, top, height));
        says = format!("{says}, {name} {}", count(packets));
    }
    html! {
        @if !bars.is_empty() {
            g {
                title { (says) }
                rect.all x=(left) y="0" width=(WIDTH) height=(HEIGHT) {}
                @for (class, top, height) in bars {
                    rect class=(class) x=(left + 1) y=(format!("{top:.2}")) width=(WIDTH - 2) height=(format!("{height:.2}")) {}
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a bar is drawn, not counted")]
fn share(packets: u64, peak: u64) -> f64 {
    packets as f64 / peak as f64 * HEIGHT
}

/// The first, the middle and the last place.
fn marks(series: &Series) -> Vec<String> {
    let points = &series.points;
    let mut marks: Vec<usize> = vec![0, points.len() / 2, points.len().saturating_sub(1)];
    marks.dedup();
    marks.iter().filter_map(|&index| points.get(index)).map(|point| place(point.at, series.step)).collect()
}

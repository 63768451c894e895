//! Families of metrics: a name, what it means, and a sample for each set of labels.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::{MetricType, exemplar::Exemplar},
    registry::Unit,
};

use crate::observe::Count;

/// A label's name and value.
pub(super) type Label<'a> = (&'a str, &'a str);

/// No counter here has an example.
const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, u64>> = None;

/// Writes families, one after the other.
pub(super) struct Families<'a>(DescriptorEncoder<'a>);

impl<'a> Families<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// What one name says, as labels.
    pub(super) fn info(&mut self, name: &str, help: &str, labels: &[Label<'_>]) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&labels)
    }

    /// Numbers that go up and down.
    pub(super) fn gauge<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], u64)>,
    ) -> fmt::Result {
        self.gauges(name, help, None, samples)
    }

    /// A time, if there is one.
    pub(super) fn seconds(&mut self, name: &str, help: &str, at: Option<u64>) -> fmt::Result {
        self.gauges(name, help, Some(&Unit::Seconds), at.map(|at| ([], at)))
    }

    /// Numbers that only grow.
    pub(super) fn counter<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], u64)>,
    ) -> fmt::Result {
        self.counters(name, help, None, samples)
    }

    /// Packets, and their bytes as a family of its own. What they are is the rest of a sentence that begins with either word.
    pub(super) fn amounts<'l, const N: usize>(
        &mut self,
        name: &str,
        what: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], Count)>,
    ) -> fmt::Result {
        let samples: Vec<([Label<'l>; N], Count)> = samples.into_iter().collect();
        let packets = samples.iter().map(|&(labels, counted)| (labels, counted.packets));
        self.counters(name, &format!("Packets {what}"), Some(&Unit::Other("packets".to_owned())), packets)?;
        let bytes = samples.iter().map(|&(labels, counted)| (labels, counted.bytes));
        self.counters(name, &format!("Bytes of packets {what}"), Some(&Unit::Bytes), bytes)
    }

    fn counters<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl IntoIterator<Item = ([Label<'l>; N], u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, value) in samples {
            if N == 0 {
                family.encode_counter(&value, NO_EXEMPLAR)?;
            } else {
                family.encode_family(&labels)?.encode_counter(&value, NO_EXEMPLAR)?;
            }
        }
        Ok(())
    }

    fn gauges<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl IntoIterator<Item = ([Label<'l>; N], u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in samples {
            if N == 0 {
                family.encode_gauge(&value)?;
            } else {
                family.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
}

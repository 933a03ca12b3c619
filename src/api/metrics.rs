//! The server's counters as OpenMetrics text, which Prometheus reads.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty};
use crate::http::ReplyBody;
use crate::space::{DECISION_STEPS_US, DecisionTimes, Journal, Spaces};

/// The metrics as they are now.
pub(super) fn read(call: ApiRequest, _: Empty) -> Result<ReplyBody, ApiProblem> {
    let mut registry = Registry::with_prefix("payon_sim");
    registry.register_collector(Box::new(Metrics(Arc::clone(call.control.spaces()))));
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| {
        ApiProblem::new(ProblemKind::Failed, "the metrics cannot be written".to_owned())
    })?;
    Ok(bytes::Bytes::from(text).into())
}

/// Reads the counters of the spaces; nothing on the way of a request knows of Prometheus.
#[derive(Debug)]
struct Metrics(Arc<Spaces>);

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = MetricsPage(encoder);
        self.requests(&mut page)?;
        self.pushbacks(&mut page)?;
        self.spaces(&mut page)?;
        self.events(&mut page)?;
        self.process(&mut page)
    }
}

impl Metrics {
    fn requests(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let meter = self.0.meter();
        let counts = meter.requests().map(|(operation, reason, count)| {
            ([("operation", operation), ("reason", reason.name())], ConstCounter::new(count))
        });
        let help = "Requests of merchants by what decided them";
        page.family("requests", help, MetricType::Counter, counts)?;
        let help = "How long decisions took, without reading the request and sending the reply";
        let times = meter
            .decisions()
            .map(|times| ([("operation", times.operation)], DecisionSeries(times)));
        page.family("decision_seconds", help, MetricType::Histogram, times)
    }

    fn pushbacks(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let meter = self.0.meter();
        let attempts = meter
            .attempts()
            .map(|(end, count)| ([("outcome", end.name())], ConstCounter::new(count)));
        let help = "Attempts to reach merchants";
        page.family("pushback_attempts", help, MetricType::Counter, attempts)?;
        let (acknowledged, exhausted) = meter.deliveries();
        let ends = [("acknowledged", acknowledged), ("exhausted", exhausted)];
        let ends = ends.map(|(name, count)| ([("outcome", name)], ConstCounter::new(count)));
        let help = "Push-backs that were taken, or given up";
        page.family("pushbacks_ended", help, MetricType::Counter, ends)
    }

    fn spaces(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let spaces = self.0.all();
        let (mut orders, mut waiting, mut requests) = (0, 0, 0);
        for space in &spaces {
            let (kept, pushbacks) = space.read(|view| (view.ledger.len(), view.outbox.waiting()));
            orders += kept;
            waiting += pushbacks;
            requests += space.read_journal(Journal::len);
        }
        page.gauge("spaces", "Spaces", spaces.len())?;
        page.gauge("orders", "Orders kept in all spaces", orders)?;
        page.gauge("pushbacks_waiting", "Push-backs that wait or are under way", waiting)?;
        page.gauge("journal_entries", "Requests kept in all journals", requests)?;
        let dropped = ConstCounter::new(self.0.meter().journal_drops());
        let help = "Requests that journals dropped to keep to their budgets";
        page.one("journal_dropped", help, &dropped)
    }

    fn events(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let meter = self.0.meter();
        let readers = usize::try_from(meter.readers()).unwrap_or(usize::MAX);
        page.gauge("event_readers", "Readers that follow the events of a space", readers)?;
        let help = "Events that readers were too slow or too late for, each reader for itself";
        page.one("events_missed", help, &ConstCounter::new(meter.missed()))
    }

    fn process(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let profile = &*self.0.profile().name;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION")), ("profile", profile)]);
        page.one("build", "What runs", &build)?;
        let begun = ConstGauge::new(self.0.meter().begun.0 as f64 / 1000.0);
        page.one("start_time_seconds", "When the server began, in seconds since 1970", &begun)?;
        match resident_bytes() {
            Some(bytes) => page.gauge("resident_memory_bytes", "Memory of the process", bytes),
            None => Ok(()),
        }
    }
}

/// The page that is written.
struct MetricsPage<'e>(DescriptorEncoder<'e>);

impl MetricsPage<'_> {
    /// A metric with one value.
    fn one(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: usize) -> fmt::Result {
        self.one(name, help, &ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    /// A metric with a value for each set of labels.
    fn family<L: EncodeLabelSet, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        members: impl IntoIterator<Item = (L, M)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, metric) in members {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// The decision times of one operation.
struct DecisionSeries(DecisionTimes);

impl EncodeMetric for DecisionSeries {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let DecisionTimes { steps, sum_us, .. } = &self.0;
        let ends = DECISION_STEPS_US.iter().map(|end| f64::from(*end) / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = ends.zip(steps.iter().copied()).collect();
        let (sum, count) = (*sum_us as f64 / 1e6, steps.iter().sum());
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// Memory of the process that is in RAM, where the system tells.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kib| kib * 1024)
}

// The status as Prometheus metrics; docs/METRICS.md explains each.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "pgballast/admin/status.hpp"

namespace pgballast::admin {

/// Every metric there is, even where no database gives it a value. The only label is
/// `database`: there are at most as many series as databases.
std::vector<prometheus::MetricFamily> metric_families(const status& of);

/// In Prometheus' text format, version 0.0.4.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
std::string metrics_text(const status& of);

}  // namespace pgballast::admin

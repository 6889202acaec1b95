package bench

import (
	"fmt"
	"strings"
)

// A kind says how the values of a metric move.
type kind uint8

const (
	counter  kind = iota // whole numbers that grow
	seconds              // a counter of seconds, with a fraction
	gauge                // wanders around a level
	pages                // a gauge in multiples of 4096 bytes
	constant             // 0 or 1, or a size that stays
	bucket               // a part of a histogram's count
)

// A dim is one or more labels that vary together: rows holds their values.
type dim struct {
	labels []string
	rows   [][]string
}

// vary reads a dim from "label label" and rows of "value value".
func vary(labels string, rows ...string) dim {
	d := dim{labels: strings.Fields(labels)}
	for _, r := range rows {
		values := strings.Fields(r)
		if len(values) != len(d.labels) {
			panic(fmt.Sprintf("bench: row %q of labels %q", r, labels))
		}
		d.rows = append(d.rows, values)
	}
	return d
}

// numbered returns "prefix0" to "prefix<n-1>".
func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

// A metric is one metric of an exporter and the labels that it adds to those
// of its target. With buckets it is a classic histogram.
type metric struct {
	name    string
	kind    kind
	dims    []dim
	buckets string // upper bounds without +Inf
	ours    bool   // named after the service where metrics are multiplied
}

const (
	appBuckets  = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10"
	grpcBuckets = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 10"
	kubeBuckets = "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60"
)

// each returns metrics of one kind and the same labels.
func each(k kind, names string, dims ...dim) []metric {
	var out []metric
	for n := range strings.FieldsSeq(names) {
		out = append(out, metric{name: n, kind: k, dims: dims})
	}
	return out
}

func joined(parts ...[]metric) []metric {
	var out []metric
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// nodeMetrics is what node_exporter says of one node.
func nodeMetrics() []metric {
	disk := vary("device", "nvme0n1", "nvme1n1", "dm-0")
	fs := vary("device fstype mountpoint", "/dev/nvme0n1p1 ext4 /", "/dev/nvme1n1 xfs /var/lib/containerd", "tmpfs tmpfs /run", "/dev/nvme0n1p15 vfat /boot/efi")
	eth := vary("device", "eth0", "lo", "cilium_host", "cilium_net")
	collector := vary("collector", "cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "netstat", "sockstat", "stat", "time", "timex", "vmstat")
	return joined(
		each(seconds, "node_cpu_seconds_total", vary("cpu", numbered("", 8)...), vary("mode", "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")),
		each(gauge, "node_load1 node_load5 node_load15", vary("instance_type", "m6i.2xlarge")),
		each(pages, "node_memory_MemTotal_bytes node_memory_MemFree_bytes node_memory_MemAvailable_bytes node_memory_Cached_bytes node_memory_Buffers_bytes node_memory_Slab_bytes node_memory_Active_bytes node_memory_Inactive_bytes node_memory_Dirty_bytes"),
		each(counter, "node_disk_read_bytes_total node_disk_written_bytes_total node_disk_reads_completed_total node_disk_writes_completed_total", disk),
		each(seconds, "node_disk_io_time_seconds_total", disk),
		each(pages, "node_filesystem_size_bytes node_filesystem_avail_bytes node_filesystem_free_bytes", fs),
		each(gauge, "node_filesystem_files_free", fs),
		each(counter, "node_network_receive_bytes_total node_network_transmit_bytes_total node_network_receive_packets_total node_network_transmit_packets_total node_network_receive_errs_total node_network_transmit_errs_total node_network_receive_drop_total", eth),
		each(gauge, "node_scrape_collector_duration_seconds", collector),
		each(constant, "node_scrape_collector_success", collector),
		each(counter, "node_context_switches_total node_intr_total node_forks_total node_vmstat_pgfault node_vmstat_pgmajfault"),
		each(gauge, "node_timex_offset_seconds node_sockstat_TCP_inuse node_procs_running node_procs_blocked"),
		each(constant, "node_boot_time_seconds"),
	)
}

// containerMetrics is what cadvisor says of one container.
func containerMetrics() []metric {
	eth := vary("interface", "eth0")
	disk := vary("device", "/dev/nvme1n1")
	return joined(
		each(seconds, "container_cpu_usage_seconds_total", vary("cpu", "total")),
		each(seconds, "container_cpu_user_seconds_total container_cpu_system_seconds_total container_cpu_cfs_throttled_seconds_total"),
		each(counter, "container_cpu_cfs_periods_total container_cpu_cfs_throttled_periods_total"),
		each(pages, "container_memory_working_set_bytes container_memory_usage_bytes container_memory_rss container_memory_cache container_memory_swap"),
		each(counter, "container_memory_failures_total", vary("failure_type", "pgfault", "pgmajfault"), vary("scope", "container", "hierarchy")),
		each(counter, "container_fs_reads_bytes_total container_fs_writes_bytes_total", disk),
		each(pages, "container_fs_usage_bytes", disk),
		each(counter, "container_network_receive_bytes_total container_network_transmit_bytes_total container_network_receive_packets_total container_network_transmit_packets_total container_network_receive_errors_total container_network_transmit_errors_total", eth),
		each(constant, "container_tasks_state", vary("state", "running", "sleeping", "stopped", "uninterruptible", "iowaiting")),
		each(gauge, "container_threads container_sockets"),
		each(constant, "container_start_time_seconds container_last_seen container_spec_memory_limit_bytes container_spec_cpu_quota"),
	)
}

// stateMetrics is what kube-state-metrics says of one pod.
func stateMetrics() []metric {
	resource := vary("resource unit", "cpu core", "memory byte")
	return joined(
		each(constant, "kube_pod_info", vary("created_by_kind", "ReplicaSet")),
		each(constant, "kube_pod_status_phase", vary("phase", "Pending", "Running", "Succeeded", "Failed", "Unknown")),
		each(constant, "kube_pod_status_ready", vary("condition", "true", "false", "unknown")),
		each(constant, "kube_pod_container_status_waiting_reason", vary("reason", "ContainerCreating", "CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff")),
		each(constant, "kube_pod_container_resource_requests kube_pod_container_resource_limits", resource),
		each(constant, "kube_pod_container_status_ready kube_pod_container_status_running"),
		each(counter, "kube_pod_container_status_restarts_total"),
		each(constant, "kube_pod_start_time kube_pod_created kube_pod_owner"),
		each(constant, "kube_pod_tolerations", vary("effect key", "NoExecute node.kubernetes.io/not-ready", "NoExecute node.kubernetes.io/unreachable")),
	)
}

// apiserverMetrics is what one Kubernetes API server says of itself.
func apiserverMetrics() []metric {
	verb := vary("verb", "GET", "LIST", "POST", "PATCH", "WATCH")
	res := vary("group resource", "core pods", "core configmaps", "core secrets", "core nodes", "apps deployments", "apps replicasets", "batch jobs", "coordination.k8s.io leases")
	part := vary("component", "apiserver")
	op := vary("operation type", "get /registry/pods", "list /registry/pods", "update /registry/leases", "create /registry/events")
	return joined(
		[]metric{
			{name: "apiserver_request_duration_seconds", dims: []dim{verb, res, part}, buckets: kubeBuckets},
			{name: "etcd_request_duration_seconds", dims: []dim{op}, buckets: kubeBuckets},
		},
		each(counter, "apiserver_request_total", verb, res, part, vary("code", "200", "404")),
		each(gauge, "apiserver_current_inflight_requests", vary("request_kind", "mutating", "readOnly")),
		each(gauge, "apiserver_storage_objects", vary("resource", "pods", "configmaps", "secrets", "leases.coordination.k8s.io")),
	)
}

// appMetrics is what the service in one pod says of itself.
func appMetrics() []metric {
	route := vary("handler method", "/api/v1/orders GET", "/api/v1/orders POST", "/api/v1/items/:id GET")
	rpc := vary("grpc_method grpc_service grpc_type", "Reserve inventory.v1.Stock unary", "Quote pricing.v1.Prices unary")
	business := joined(
		[]metric{
			{name: "http_server_request_duration_seconds", dims: []dim{route}, buckets: appBuckets},
			{name: "grpc_server_handling_seconds", dims: []dim{rpc}, buckets: grpcBuckets},
			{name: "db_client_query_duration_seconds", dims: []dim{vary("operation", "select", "insert")}, buckets: "0.001 0.01 0.1 0.5 1 5"},
		},
		each(counter, "http_requests_total", route, vary("code", "200", "404", "500")),
		each(counter, "grpc_server_handled_total", rpc, vary("grpc_code", "OK", "Unavailable")),
		each(counter, "cache_requests_total", vary("cache result", "sessions hit", "sessions miss", "prices hit", "prices miss")),
		each(gauge, "queue_depth", vary("queue", "orders", "mails")),
		each(counter, "queue_messages_processed_total", vary("queue", "orders", "mails")),
		each(gauge, "db_pool_connections", vary("state", "idle", "in_use")),
		each(gauge, "http_requests_in_flight worker_busy build_info"),
		each(counter, "events_published_total events_consumed_total", vary("topic", "orders", "payments")),
		each(counter, "feature_evaluations_total", vary("flag", "new-basket", "fast-quote")),
	)
	for i := range business {
		business[i].ours = true
	}
	return joined(business,
		each(gauge, "go_goroutines go_threads"),
		each(pages, "go_memstats_alloc_bytes go_memstats_heap_inuse_bytes go_memstats_heap_idle_bytes go_memstats_sys_bytes"),
		each(counter, "go_memstats_mallocs_total go_memstats_frees_total"),
		each(gauge, "go_gc_duration_seconds", vary("quantile", "0", "0.25", "0.5", "0.75", "1")),
		each(seconds, "process_cpu_seconds_total"),
		each(pages, "process_resident_memory_bytes process_virtual_memory_bytes"),
		each(gauge, "process_open_fds"),
		each(constant, "process_start_time_seconds process_max_fds"),
	)
}

// userMetric is the unbounded one: a counter with a user in its labels.
const userMetric = "user_requests_total"

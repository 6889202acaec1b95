package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A cluster names things: services, nodes, pods. Everything it says follows
// from its seed and the numbers asked for.
type cluster struct {
	seed uint64
	// prefixes is how many services name their metrics after themselves; 0
	// where all services share the names of theirs.
	prefixes int
}

// group is what a target is.
type group uint8

const (
	nodeGroup      group = iota // a node and its exporter
	apiserverGroup              // one Kubernetes API server
	podGroup                    // a pod: its app, its container, its Kubernetes state
)

// random returns the source for one thing: the same for the same arguments.
func (c cluster) random(g group, index, generation int) *rand.Rand {
	return rand.New(rand.NewPCG(c.seed, uint64(g)<<56|uint64(generation)<<32|uint64(index)))
}

var (
	domains   = []string{"checkout", "payments", "search", "catalog", "identity", "shipping", "pricing", "inventory", "notify", "reports"}
	roles     = []string{"api", "worker", "gateway", "sync", "cache", "web", "events", "admin"}
	stages    = []string{"prod", "prod", "prod", "staging", "prod", "prod", "prod", "dev"}
	plans     = []string{"free", "team", "enterprise"}
	alphanum  = "bcdfghjklmnpqrstvwxz2456789" // Kubernetes' own for generated names
	hexDigits = "0123456789abcdef"
)

const (
	podsPerNode      = 25
	podsPerAPIServer = 250
	podsPerService   = 30 // before skew
)

func word(r *rand.Rand, alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func uuid(r *rand.Rand) string {
	h := word(r, hexDigits, 32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// service is what one deployment is called and where it runs.
type service struct {
	number    int
	name      string
	namespace string
}

// service returns the service of a pod. Sizes are skewed: a few services have
// hundreds of pods, most have some. With prefixes every service has a pod.
func (c cluster) service(pod int) service {
	r := c.random(podGroup, pod, 0)
	u := r.Float64()
	n := int(u * u * u * 240)
	if c.prefixes > 0 {
		n = int(u * u * u * float64(c.prefixes))
		if pod < c.prefixes {
			n = pod
		}
	}
	domain := domains[n%len(domains)]
	role := roles[n/len(domains)%len(roles)]
	name := domain + "-" + role
	if k := n / (len(domains) * len(roles)); k > 0 {
		name = fmt.Sprint(name, "-", k)
	}
	return service{number: n, name: name, namespace: domain + "-" + stages[n%len(stages)]}
}

func (c cluster) nodeName(index, generation int) string {
	r := c.random(nodeGroup, index, generation)
	return fmt.Sprintf("ip-10-%d-%d-%d.ec2.internal", r.IntN(64), r.IntN(256), index%256)
}

func address(r *rand.Rand, port int) string {
	return fmt.Sprintf("10.%d.%d.%d:%d", 64+r.IntN(64), r.IntN(256), r.IntN(256), port)
}

// fixed are the labels that a sender adds to all it sends.
func fixed(more ...label) []label {
	return append([]label{{"cluster", "eu-1a"}, {"env", "prod"}}, more...)
}

func (c cluster) node(index, generation int) []label {
	r := c.random(nodeGroup, index, generation)
	name := c.nodeName(index, generation)
	return fixed(
		label{"container", "node-exporter"}, label{"endpoint", "http-metrics"},
		label{"instance", address(r, 9100)}, label{"job", "node-exporter"},
		label{"namespace", "monitoring"}, label{"node", name},
		label{"pod", "node-exporter-" + word(r, alphanum, 5)}, label{"service", "node-exporter"},
	)
}

func (c cluster) apiserver(index, generation int) []label {
	r := c.random(apiserverGroup, index, generation)
	return fixed(
		label{"endpoint", "https"}, label{"instance", address(r, 6443)}, label{"job", "apiserver"},
		label{"namespace", "default"}, label{"region", "eu-central-1"}, label{"service", "kubernetes"},
	)
}

// pod returns the labels of a pod's three sources: its app, its container as
// cadvisor sees it, and its state as Kubernetes has it.
func (c cluster) pod(index, generation int) (app, container, state []label) {
	r := c.random(podGroup, index, generation+1)
	s := c.service(index)
	node := c.nodeName(index/podsPerNode, 0)
	pod := s.name + "-" + word(r, alphanum, 10) + "-" + word(r, alphanum, 5)
	uid := uuid(r)
	app = fixed(
		label{"container", s.name}, label{"endpoint", "metrics"}, label{"instance", address(r, 8080)},
		label{"job", s.name}, label{"namespace", s.namespace}, label{"pod", pod}, label{"service", s.name},
	)
	container = fixed(
		label{"container", s.name}, label{"image", fmt.Sprintf("%s:1.%d.%d", s.name, s.number%40, r.IntN(4))},
		label{"instance", node + ":10250"}, label{"job", "kubelet"},
		label{"namespace", s.namespace}, label{"node", node}, label{"pod", pod},
	)
	state = fixed(
		label{"container", s.name}, label{"instance", "10.64.3.17:8080"}, label{"job", "kube-state-metrics"},
		label{"namespace", s.namespace}, label{"node", node}, label{"pod", pod}, label{"uid", uid},
	)
	return app, container, state
}

// users is how many users a pod counts by name: none in most pods of most
// services, hundreds in a few.
func (c cluster) users(pod int) int {
	r := c.random(podGroup, pod, 1<<20)
	u := r.Float64()
	return int(u * u * u * u * 40)
}

package kubeapi

import (
	"flag"
	"io"

	"github.com/sirupsen/logrus"
	"google.golang.org/grpc/grpclog"
	"k8s.io/klog/v2"
)

// LogTo sends what the libraries under every server of this process have to say
// to w; they write to stderr otherwise. Call it before Start.
func LogTo(w io.Writer) {
	flags := flag.NewFlagSet("", flag.PanicOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			panic(err) // klog has these two flags
		}
	}
	klog.SetOutput(w)
	logrus.SetOutput(w)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, w))
}

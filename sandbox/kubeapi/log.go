package kubeapi

import (
	"io"

	"github.com/sirupsen/logrus"
	"google.golang.org/grpc/grpclog"
	"k8s.io/klog/v2"
)

// LogTo sends what the libraries under every server of this process have to say
// to w; they write to stderr otherwise. Call it before Start.
func LogTo(w io.Writer) {
	klog.LogToStderr(false)
	klog.SetOutput(w)
	logrus.SetOutput(w)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, w))
}

// Package kubetest gives tests a real Kubernetes API: kube-apiserver and etcd,
// built from source, started on loopback within seconds and gone with the test.
//
// A test binary shares one server, started by the first test that asks for it:
//
//	func TestMain(m *testing.M) { kubetest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		s := kubetest.Shared(t)
//		ns := s.Namespace(t)
//		...
//	}
//
// Tests keep apart by namespaces. A test that stops, pauses or kills its server
// starts one of its own with Start. The processes die with the test binary,
// however it ends.
//
// Nothing outside tests imports this package.
package kubetest

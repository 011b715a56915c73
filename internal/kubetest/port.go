package kubetest

import "golang.org/x/sys/unix"

// reservation holds a loopback port for a process that shares ports: the socket
// is bound but never listens, so the kernel gives the port to nobody else, and it
// stays ours while the process restarts.
type reservation struct {
	fd     int
	number int
}

func reserve() (*reservation, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	r := &reservation{fd: fd}
	if err := r.bind(); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

func (r *reservation) bind() error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(r.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	name, err := unix.Getsockname(r.fd)
	if err != nil {
		return err
	}
	r.number = name.(*unix.SockaddrInet4).Port
	return nil
}

func (r *reservation) release() { _ = unix.Close(r.fd) }

package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// pack writes the files of a backup into one file, mode 0600, synced.
func pack(dir, path string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := tar.NewWriter(file)
	for _, name := range archived() {
		err = errors.Join(err, packFile(w, filepath.Join(dir, name)))
	}
	return errors.Join(err, w.Close(), file.Sync(), file.Close())
}

func packFile(w *tar.Writer, path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there is no key yet
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: filepath.Base(path), Size: info.Size(), Mode: 0o600, ModTime: info.ModTime()}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}

// unpack reads what pack has written into dir. It refuses any other content.
func unpack(path, dir string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case header.Typeflag != tar.TypeReg || !isArchived(header.Name):
			return fmt.Errorf("it is not an archive that hookline backup made: it has %q", header.Name)
		}
		target, err := os.OpenFile(filepath.Join(dir, header.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // isArchived has checked the name
		if err != nil {
			return err
		}
		_, err = io.CopyN(target, r, header.Size)
		if err := errors.Join(err, target.Close()); err != nil {
			return err
		}
	}
}

package manifest

import (
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// linked is the disk, where links count as what they stand for. Bazel shows a program links to the files of the checkout;
// kustomize follows links, and then refuses a file for lying outside its overlay's folder.
type linked struct{ filesys.FileSystem }

func onDisk() filesys.FileSystem { return linked{filesys.MakeFsOnDisk()} }

// CleanedAbs splits a path into its folder and its file; a folder's file is "".
func (linked) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	if info.IsDir() {
		return filesys.ConfirmedDir(path), "", nil
	}
	return filesys.ConfirmedDir(filepath.Dir(path)), filepath.Base(path), nil
}

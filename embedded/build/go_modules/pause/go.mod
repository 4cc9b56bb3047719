// The process that holds a pod's namespaces; also what tries a container engine out.
module kafkalogs.local/pause

go 1.24.0

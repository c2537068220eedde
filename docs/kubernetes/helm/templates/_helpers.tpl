{{- define "stallgraph.selector" -}}
app.kubernetes.io/name: stallgraph-watch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "stallgraph.labels" -}}
{{ include "stallgraph.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

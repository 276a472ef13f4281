// What the system needs of Azure: a resource group with a network, a registry, a vault, a log workspace, identities and a
// Kubernetes cluster. docs/aks.md says how it is used; dev.bicepparam and prod.bicepparam are the environments.
targetScope = 'subscription'

@description('Which environment this is. It is part of every name, and of those of the GitHub environments that may deploy.')
@allowed(['dev', 'prod'])
param environment string

@description('The name of the system, of lower-case letters; at the most 10, for the registry and the vault have short names.')
@minLength(3)
@maxLength(10)
param name string = 'rating'

@description('Region. It must have three availability zones, or `zones` must name those that it has.')
param location string

@description('Availability zones, each with nodes of its own.')
param zones string[] = ['1', '2', '3']

@description('Kubernetes version, major.minor; Azure keeps the patch up to date. `az aks get-versions` lists those that are supported.')
param kubernetesVersion string = '1.36'

@description('Tier of the cluster: Free is without an uptime agreement.')
@allowed(['Free', 'Standard'])
param tier string = 'Standard'

@description('Size and number of the nodes for the system\'s own pods: those of Kubernetes, the operators, the gateway controller.')
param systemNodes nodes

@description('Size and number, in each zone, of the nodes for NATS, PostgreSQL and the programs.')
param userNodes nodes

@description('Object ids of the Entra groups whose members administer the cluster.')
@minLength(1)
param administratorGroups string[]

@description('Object id of the Entra group whose members may read and write the vault\'s secrets.')
param vaultAdministratorGroup string

@description('CIDR ranges from which the vault is reached, beside the nodes. Empty: from the nodes only.')
param vaultClientRanges string[] = []

@description('CIDR ranges from which the API server is reached. Empty: from everywhere, which GitHub\'s own runners need.')
param apiServerRanges string[] = []

@description('OWNER/NAME of the GitHub repository whose workflow delivers.')
param repository string

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Gigabytes of logs a day at which the workspace stops taking more; -1 for no limit.')
param logQuotaGB int = -1

@description('What pods send from node to node is encrypted, by WireGuard: NATS and the gateway send in the clear. It costs by the node.')
param encryption bool = false

@description('Microsoft Defender for Containers watches the cluster; it costs by the core.')
param defender bool = false

@description('The Azure Policy add-on, for organisations whose policies cover clusters.')
param policy bool = false

@description('Hour, UTC, at which the weekly maintenance on Sundays begins; it lasts four hours.')
@minValue(0)
@maxValue(19)
param maintenanceHour int = 2

@description('Nodes of one kind.')
type nodes = {
  @description('Size of the virtual machines.')
  size: string

  @description('How many there are at the least.')
  @minValue(1)
  least: int

  @description('How many the autoscaler makes at the most.')
  most: int
}

var system = '${name}-${environment}'
// Names that are unique in all of Azure, and the same in each deployment.
var unique = take(uniqueString(subscription().id, system), 8)
// Of the identities. They are known before anything is made, so that what-if can tell what depends on them.
var names = {
  controlPlane: '${system}-control-plane'
  kubelet: '${system}-kubelet'
  secrets: '${system}-secrets'
  plan: '${system}-plan'
  push: '${system}-push'
  deploy: '${system}-deploy'
}
var tags = {
  system: name
  environment: environment
  'managed-by': 'bicep'
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: system
  location: location
  tags: tags
}

module logs 'modules/logs.bicep' = {
  scope: group
  params: {
    name: system
    location: location
    tags: tags
    retentionDays: logRetentionDays
    quotaGB: logQuotaGB
  }
}

module network 'modules/network.bicep' = {
  scope: group
  params: {
    name: system
    location: location
    tags: tags
    zones: zones
  }
}

module identities 'modules/identities.bicep' = {
  scope: group
  params: {
    names: names
    location: location
    tags: tags
    environment: environment
    repository: repository
  }
}

module registry 'modules/registry.bicep' = {
  scope: group
  dependsOn: [identities]
  params: {
    name: '${name}${environment}${unique}'
    location: location
    tags: tags
    workspaceId: logs.outputs.workspaceId
    pullers: [names.kubelet, names.deploy]
    pushers: [names.push]
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  dependsOn: [identities]
  params: {
    name: '${name}-${environment}-${unique}'
    location: location
    tags: tags
    workspaceId: logs.outputs.workspaceId
    subnetId: network.outputs.nodesSubnetId
    clientRanges: vaultClientRanges
    administratorGroup: vaultAdministratorGroup
    readerName: names.secrets
  }
}

module cluster 'modules/cluster.bicep' = {
  scope: group
  dependsOn: [identities]
  params: {
    name: system
    location: location
    tags: tags
    zones: zones
    kubernetesVersion: kubernetesVersion
    tier: tier
    systemNodes: systemNodes
    userNodes: userNodes
    administratorGroups: administratorGroups
    apiServerRanges: apiServerRanges
    subnetId: network.outputs.nodesSubnetId
    workspaceId: logs.outputs.workspaceId
    containerLogsRuleId: logs.outputs.containerLogsRuleId
    controlPlaneName: names.controlPlane
    kubeletName: names.kubelet
    deployName: names.deploy
    encryption: encryption
    defender: defender
    policy: policy
    maintenanceHour: maintenanceHour
  }
}

module federation 'modules/federation.bicep' = {
  scope: group
  dependsOn: [identities]
  params: {
    identityName: names.secrets
    issuer: cluster.outputs.issuer
  }
}

module plan 'modules/plan.bicep' = {
  params: {
    name: system
    principalId: identities.outputs.planPrincipalId
  }
}

// What docs/aks.md sets as variables of the GitHub environments, and what the overlay k8s/aks and k8s/infra/aks want to know.
output AZURE_TENANT_ID string = subscription().tenantId
output AZURE_SUBSCRIPTION_ID string = subscription().subscriptionId
output RESOURCE_GROUP string = group.name
output CLUSTER string = cluster.outputs.name
output REGISTRY string = registry.outputs.loginServer
output PLAN_CLIENT_ID string = identities.outputs.planClientId
output PUSH_CLIENT_ID string = identities.outputs.pushClientId
output DEPLOY_CLIENT_ID string = identities.outputs.deployClientId
output DEPLOY_PRINCIPAL_ID string = identities.outputs.deployPrincipalId
output SECRETS_CLIENT_ID string = identities.outputs.secretsClientId
output VAULT_URL string = vault.outputs.url
output ADDRESS_NAME string = network.outputs.addressName
output ADDRESS_IP string = network.outputs.addressIp
output ADDRESS_HOST string = network.outputs.addressHost

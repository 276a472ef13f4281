// The cluster: NetworkPolicies that are enforced, no local accounts, nodes in every zone, upgrades by themselves.
param name string
param location string
param tags object
param zones string[]
param kubernetesVersion string
param tier string
param systemNodes object
param userNodes object
param administratorGroups string[]
param apiServerRanges string[]
param subnetId string
param workspaceId string
param containerLogsRuleId string

@description('Identities: of AKS, of the nodes, and of the workflow\'s job that deploys.')
param controlPlaneName string
param kubeletName string
param deployName string

param encryption bool
param defender bool
param policy bool
param maintenanceHour int

var networkContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4d97b98b-1d4f-4787-a291-c67834d212e7')
var managedIdentityOperator = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'f1a07417-d97a-45cb-824c-7a7467783830')
var diskSnapshotContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7efff54f-a5b4-42b5-a1c5-5411624893ce')
var clusterUser = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4abbcc35-e782-43d8-92c5-2d3f1bd2253f')
var clusterAdministrator = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b')

var pool = {
  type: 'VirtualMachineScaleSets'
  osType: 'Linux'
  osSKU: 'AzureLinux'
  vnetSubnetID: subnetId
  enableAutoScaling: true
  enableEncryptionAtHost: true
  maxPods: 110
  osDiskSizeGB: 64
  upgradeSettings: {
    maxSurge: '1'
    drainTimeoutInMinutes: 30
    nodeSoakDurationInMinutes: 5
  }
}
var systemPool = union(pool, {
  name: 'system'
  mode: 'System'
  availabilityZones: zones
  nodeTaints: ['CriticalAddonsOnly=true:PreferNoSchedule'] // the operators are welcome, the programs if there is no other place
  vmSize: systemNodes.size
  count: systemNodes.least
  minCount: systemNodes.least
  maxCount: systemNodes.most
})
// One for each zone: a disk is in one zone, and the autoscaler can only choose among pools where a pod that has it may start.
var userPools = [
  for zone in zones: union(pool, {
    name: 'user${zone}'
    mode: 'User'
    availabilityZones: [zone]
    vmSize: userNodes.size
    count: userNodes.least
    minCount: userNodes.least
    maxCount: userNodes.most
  })
]

resource controlPlane 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: controlPlaneName
}

resource kubelet 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: kubeletName
}

resource deploy 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: deployName
}

// The subnet and the gateway's address are in this group, not in that of the nodes.
resource networking 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, controlPlaneName, networkContributor)
  properties: {
    principalId: controlPlane.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: networkContributor
  }
}

// Snapshots are kept in this group, where the cluster's end does not delete them: k8s/infra/aks.
resource snapshots 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, controlPlaneName, diskSnapshotContributor)
  properties: {
    principalId: controlPlane.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: diskSnapshotContributor
  }
}

resource nodeIdentity 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: kubelet
  name: guid(kubelet.id, controlPlaneName, managedIdentityOperator)
  properties: {
    principalId: controlPlane.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: managedIdentityOperator
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2026-05-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Base'
    tier: tier
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${controlPlane.id}': {}
    }
  }
  dependsOn: [networking, nodeIdentity]
  properties: {
    kubernetesVersion: kubernetesVersion
    dnsPrefix: name
    nodeResourceGroup: '${name}-nodes'
    nodeResourceGroupProfile: {
      restrictionLevel: 'ReadOnly'
    }
    agentPoolProfiles: concat([systemPool], userPools)
    autoScalerProfile: {
      'balance-similar-node-groups': 'true' // the zones
      'skip-nodes-with-local-storage': 'false' // emptyDirs of ours hold nothing to keep
    }
    identityProfile: {
      kubeletidentity: {
        resourceId: kubelet.id
        clientId: kubelet.properties.clientId
        objectId: kubelet.properties.principalId
      }
    }

    // Who may what is Azure's to say for people. The workflow's rights are a Role in the cluster, k8s/infra/aks: those of Azure
    // do not know our custom resources.
    enableRBAC: true
    disableLocalAccounts: true
    aadProfile: {
      managed: true
      enableAzureRBAC: true
      tenantID: tenant().tenantId
    }
    apiServerAccessProfile: {
      authorizedIPRanges: apiServerRanges
      disableRunCommand: true
    }

    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      networkDataplane: 'cilium'
      networkPolicy: 'cilium'
      podCidr: '10.244.0.0/16'
      serviceCidr: '10.41.0.0/16'
      dnsServiceIP: '10.41.0.10'
      loadBalancerSku: 'standard'
      outboundType: 'loadBalancer'
      advancedNetworking: encryption
        ? {
            enabled: true
            observability: {
              enabled: false
            }
            security: {
              enabled: true
              transitEncryption: {
                type: 'WireGuard'
              }
            }
          }
        : null
    }

    oidcIssuerProfile: {
      enabled: true
    }
    securityProfile: {
      workloadIdentity: {
        enabled: true
      }
      imageCleaner: {
        enabled: true
        intervalHours: 168
      }
      defender: defender
        ? {
            logAnalyticsWorkspaceResourceId: workspaceId
            securityMonitoring: {
              enabled: true
            }
          }
        : null
    }
    storageProfile: {
      diskCSIDriver: {
        enabled: true
      }
      fileCSIDriver: {
        enabled: false
      }
      snapshotController: {
        enabled: true
      }
    }
    // KEDA is not the add-on: its version is the Kubernetes version's, and it runs in kube-system. Ours is the one that the
    // tests and the other clusters have, in the namespace that the NetworkPolicies let in.
    addonProfiles: {
      omsagent: {
        enabled: true
        config: {
          logAnalyticsWorkspaceResourceID: workspaceId
          useAADAuth: 'true'
        }
      }
      azurepolicy: {
        enabled: policy
      }
    }

    autoUpgradeProfile: {
      upgradeChannel: 'patch'
      nodeOSUpgradeChannel: 'NodeImage'
    }
  }

  resource upgrades 'maintenanceConfigurations' = {
    name: 'aksManagedAutoUpgradeSchedule'
    properties: {
      maintenanceWindow: {
        schedule: {
          weekly: {
            intervalWeeks: 1
            dayOfWeek: 'Sunday'
          }
        }
        durationHours: 4
        startTime: '${padLeft(maintenanceHour, 2, '0')}:00'
        utcOffset: '+00:00'
      }
    }
  }

  resource nodeUpgrades 'maintenanceConfigurations' = {
    name: 'aksManagedNodeOSUpgradeSchedule'
    properties: {
      maintenanceWindow: {
        schedule: {
          weekly: {
            intervalWeeks: 1
            dayOfWeek: 'Sunday'
          }
        }
        durationHours: 4
        startTime: '${padLeft(maintenanceHour, 2, '0')}:00'
        utcOffset: '+00:00'
      }
    }
  }
}

resource administrators 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for group in administratorGroups: {
    scope: cluster
    name: guid(cluster.id, group, clusterAdministrator)
    properties: {
      principalId: group
      principalType: 'Group'
      roleDefinitionId: clusterAdministrator
    }
  }
]

resource administratorAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for group in administratorGroups: {
    scope: cluster
    name: guid(cluster.id, group, clusterUser)
    properties: {
      principalId: group
      principalType: 'Group'
      roleDefinitionId: clusterUser
    }
  }
]

// It lets the job ask for the cluster's address and nothing more.
resource deployAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: cluster
  name: guid(cluster.id, deployName, clusterUser)
  properties: {
    principalId: deploy.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: clusterUser
  }
}

resource containerLogs 'Microsoft.Insights/dataCollectionRuleAssociations@2024-03-11' = {
  scope: cluster
  name: 'ContainerInsightsExtension'
  properties: {
    dataCollectionRuleId: containerLogsRuleId
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      for category in ['kube-apiserver', 'kube-audit-admin', 'kube-controller-manager', 'cluster-autoscaler', 'guard']: {
        category: category
        enabled: true
      }
    ]
  }
}

output name string = cluster.name
output issuer string = cluster.properties.oidcIssuerProfile.issuerURL
